"""What is to be trained: settings, variants, plug-ins and trials."""
