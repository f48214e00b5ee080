"""Facts about each provider's wire, as data and small functions. Nothing here keeps state or acts."""
