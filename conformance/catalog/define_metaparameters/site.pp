define d { notify { "d ${title}": } notify { "e ${title}": tag => 'own' } }
d { 'x': tag => ['t1','t2'], noop => true, loglevel => 'debug' }
d { 'y': schedule => 'daily' }
schedule { 'daily': period => daily }
