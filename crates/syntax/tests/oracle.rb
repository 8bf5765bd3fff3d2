# Parses and validates files with Puppet itself and prints what it makes of each: one process for all of them, since
# starting Puppet takes seconds. Arguments: files, .pp or .epp.
require 'tmpdir'
require 'puppet'
require 'puppet/pops'

module Puppet::Test
  # The class name under which Puppet accepts an array-like destination for log messages.
  class LogCollector
    def initialize(logs)
      @logs = logs
    end

    def <<(message)
      @logs << message
    end
  end
end

scratch = Dir.mktmpdir
Puppet.initialize_settings(['--confdir', "#{scratch}/conf", '--vardir', "#{scratch}/var"])
logs = []
Puppet::Util::Log.newdestination(Puppet::Test::LogCollector.new(logs))
Puppet::Util::Log.level = :warning
$stdout.set_encoding('UTF-8')

def one_line(text)
  text.gsub("\n", '\n')
end

ARGV.each do |path|
  source = File.read(path, encoding: 'UTF-8')
  evaluating = if path.end_with?('.epp')
                 Puppet::Pops::Parser::EvaluatingParser::EvaluatingEppParser.new
               else
                 Puppet::Pops::Parser::EvaluatingParser.new
               end
  puts "=== #{path}"
  logs.clear
  begin
    model = evaluating.parser.parse_string(source, path).model
    dump = Puppet::Pops::Model::ModelTreeDumper.new.dump(model)
    logs.each { |log| puts "#{log.level} #{log.line}:#{log.pos} #{one_line(log.message)}" }
    evaluating.validate(model).diagnostics.each do |found|
      message = Puppet::Pops::Validation::DiagnosticFormatterPuppetStyle.new.format_message(found)
      puts "#{found.severity} #{found.source_pos.line}:#{found.source_pos.pos} #{one_line(message)}"
    end
    puts dump
  rescue Puppet::ParseError => e
    message = e.respond_to?(:basic_message) ? e.basic_message : e.message.sub(/ \((file|line): .*\)\z/, '')
    puts "error #{e.line}:#{e.pos} #{one_line(message)}"
  rescue StandardError => e
    puts "crash #{e.class}: #{one_line(e.message)}"
  end
end
FileUtils.remove_entry(scratch)
