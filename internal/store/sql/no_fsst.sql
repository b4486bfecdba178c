-- FSST lost to a dictionary in every segment of every column of text, which hold few values or one, and trying it took a tenth or more of the CPU time of a load (docs/performance.md)
SET disabled_compression_methods = 'fsst'
