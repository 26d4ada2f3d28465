"""Pure numerics: comparisons as arrays in, ratings as arrays out. No Django, no clock, no global state.

The data convention of every method: `n` items are the integers 0 … n−1. A comparison is a row of three
arrays of one length m: `first` and `second` (integers, the items shown) and `label` (1: the first was
preferred, −1: the second, 0: a tie). A fourth, `annotator`, says who compared (integers, any ids); methods
that know people take `first` as the item on the left.
"""
