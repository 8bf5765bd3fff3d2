notify { "b ${a}": }
include sub
