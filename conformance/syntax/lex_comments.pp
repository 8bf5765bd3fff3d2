# one
$a = 1 # two
/* three
 four */ $b = 2 /**/
$c = /* x */ 3
#
# last