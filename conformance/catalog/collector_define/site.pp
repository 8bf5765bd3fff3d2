define d($m) { notify { "d ${title} ${m}": } }
@d { 'virtual': m => 1 }
@d { 'collected': m => 2, tag => 'take' }
D <| tag == 'take' |>
class k { @notify { 'inside': } }
include k
Notify <| title == 'inside' |>
