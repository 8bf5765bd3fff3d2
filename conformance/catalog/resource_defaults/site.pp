Notify { message => 'default', loglevel => 'info' }
notify { 'a': }
notify { 'b': message => 'own' }
class k { Notify { message => 'k' } notify { 'c': } include l }
class l { notify { 'd': } }
define d { notify { "dn ${title}": } }
include k
d { 'x': }
File { tag => ['dt'] }
file { '/t': }
