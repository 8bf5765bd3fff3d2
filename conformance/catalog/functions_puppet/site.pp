function add(Integer $a, Integer $b = 10) >> Integer { $a + $b }
function early($x) { if $x { return('early') } 'late' }
function rest($first, *$others) { $others }
function mod::notifies($t) { notify { "from function ${t}": } }
notify { 'r': message => [add(1), add(1,2), 5.add(6), early(true), early(false), rest(1), rest(1,2,3)] }
class k { mod::notifies('in class') }
include k
