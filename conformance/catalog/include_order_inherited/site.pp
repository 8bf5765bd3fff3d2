class p { notify { 'p': } $pv = 1 }
class c inherits p { notify { "c ${pv}": } }
class c2 inherits ::p { notify { "c2 ${pv}": } }
include c2
include c
include p
