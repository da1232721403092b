"""As Django has it, but for large numbers, which it does not group and nearly everybody does."""

NUMBER_GROUPING = 3
THOUSAND_SEPARATOR = ","
