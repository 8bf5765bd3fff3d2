class c1 { Notify <| tag == 'late' |> }
include c1
define mk { @notify { "mk ${title}": tag => 'late' } }
mk { 'one': }
class c2 { mk { 'two': } }
include c2
