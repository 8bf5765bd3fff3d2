notice('n', 1, [2,3])
warning "w ${1 + 1}"
info('i')
debug('d')
err({'a' => undef})
alert('al')
class k { notice 'in k' }
define d { warning "in ${title}" }
include k
d { 'x y': }
