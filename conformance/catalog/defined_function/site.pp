class a { } define dd { } include a  notify { 'n': }
$x = 1
$r = [defined('a'), defined('nope'), defined('dd'), defined('file'), defined(Class['a']), defined(Notify['n']), defined(Notify['m']), defined('$x'), defined('$zz'), defined(File), defined(Dd)]
notify { 'r': message => $r }
