function mk::res($t) { notify { $t: } file { "/${t}": } }
class k { mk::res('one') }
define d { mk::res($title) }
include k
d { 'two': }
