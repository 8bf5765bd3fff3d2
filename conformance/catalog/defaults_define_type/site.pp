define d($x = 'dflt', $y = 1) { notify { "d ${title} ${x} ${y}": } }
D { x => 'changed' }
d { 'a': }
d { 'b': x => 'own' }

