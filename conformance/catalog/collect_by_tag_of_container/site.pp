class prod { @notify { 'vp': } @notify { 'vq': tag => 'special' } }
class other { @notify { 'vo': } }
include prod, other
Notify <| tag == 'prod' and tag != 'special' |>
