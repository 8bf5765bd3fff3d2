include m
include m::sub::deep
m::d { 'x': }
notify { "v ${m::value} ${m::sub::deep::v}": }
