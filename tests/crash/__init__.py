"""The recorder as a process, ended in every way a process can end."""
