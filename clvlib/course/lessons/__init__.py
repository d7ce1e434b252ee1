"""The exercises and questions of each notebook; `assignments` reads them. One module a notebook, n and its number."""
