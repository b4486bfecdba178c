-- FSST lost to a dictionary in every segment of every column of text, which hold few values or one, and trying it took 15 % of the CPU time of a load
SET disabled_compression_methods = 'fsst'
