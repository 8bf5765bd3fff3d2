class { a: }
class { 'b': c => d }
class { ['d', 'e']: f => 1; 'g': }
