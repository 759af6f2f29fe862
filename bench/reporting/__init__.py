"""Tables, figures and pages of reports. Neither torch nor ray is imported."""
