class c { @notify { 'a': } @notify { 'b': noop => false } }
include c
Notify { noop => true, loglevel => 'info' }
Notify <| |> { message => 'set' }
