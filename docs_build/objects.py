"""The documentation of Python objects, which mkdocstrings makes on the site."""

OF_A_MODULE = """    options:
      show_root_heading: false
      show_root_toc_entry: false
      heading_level: 4
"""


def documented(argument: str) -> str:
    """Return what makes mkdocstrings document an object.

    Args:
        argument: its name, such as methods.Method, for a class or a function. For the members of a module, a blank and
            their names follow, separated by commas; `*` for all.
    """
    name, _, members = argument.partition(" ")
    text = f"::: {name}\n"
    if members:
        text += OF_A_MODULE
    if members not in ("", "*"):
        text += f"      members: [{members.replace(',', ', ')}]\n"
    return text
