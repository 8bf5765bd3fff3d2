# comment
notify { 'a': } # trailing
/* block
comment */
class k { /* inner */ notify { 'k': ; } }
include k
