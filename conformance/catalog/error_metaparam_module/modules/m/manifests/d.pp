define m::d($noop) { }
