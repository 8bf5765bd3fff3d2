notify { default: message => 'd', tag => 'dt'; 'a': ; 'b': message => 'own'; ['c', 'e']: * => { 'loglevel' => 'info' } }
$h = { 'x' => { 'message' => 'mx' }, 'y' => { 'message' => 'my' } }
$h.each |$t, $p| { notify { $t: * => $p } }
