notify { "x ${nope} ${a::b} ${::zip}": message => $undefinedvar }
class k { notify { "k ${k::nothing}": } }
include k
if $0 == undef { notify { 'zero': } }
