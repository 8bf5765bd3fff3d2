$a = @("END")
  ä ${x} ö
  ü ${foo +} 
  | END
