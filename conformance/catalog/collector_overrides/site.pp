notify { 'a': message => 'old' }
class k { notify { 'b': message => 'kept', tag => 't' } }
include k
Notify <| title == 'a' |> { message => 'new' }
Notify <| tag == 't' |> { message => 'changed', loglevel => 'warning' }
