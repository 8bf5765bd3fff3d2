$v = 'top'
class outside { notify { "o ${v} ${nv}": } }
define deep { $l = 1 [1].each |$i| { notify { "deep ${v} ${nv} ${l} ${i}": } } include outside }
node default { $nv = 'node' $v2 = 'v2' deep { 'x': } class { 'param': } }
class param($p = $nv) { notify { "p ${p}": } }
