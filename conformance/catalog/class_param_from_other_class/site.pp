class params { $a = 'pa' $b = { 'k' => ['x'] } }
class main2($a = $params::a, $b = $params::b['k'][0]) inherits params { notify { "m ${a} ${b}": } }
include main2
