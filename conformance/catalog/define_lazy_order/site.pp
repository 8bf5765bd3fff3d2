notify { 'first': }
define d { notify { "in ${title}": } }
d { 'a': }
notify { 'second': }
d { 'b': }
class k { d { 'c': } notify { 'k': } }
include k
