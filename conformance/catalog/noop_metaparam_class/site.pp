class a { notify { 'a': } contain b }
class b { notify { 'b': loglevel => 'err' } }
class { 'a': noop => true, tag => 'ctag', loglevel => 'debug' }
define d { notify { "d ${title}": } contain inn }
class inn { notify { 'in': } }
d { 'q': audit => 'all' }
