@@notify { 'exp': }
notify { 'n': }
Notify <<| tag == 'x' |>>
