define d { notify { "d ${noop} ${tag} ${loglevel}": } }
d { 'x': noop => false, tag => ['a','b'], loglevel => 'info' }
