#!/usr/bin/perl
# Runs the commands in a document's ```console blocks and compares what they print with what the
# document shows.   run.pl DOCUMENT PROGRAM REPOSITORY
#   - a line "$ command" is run by sh in an empty folder, where ./betimes is PROGRAM; blocks share it
#   - the lines below it must appear in the output, in that order. Numbers match any number, runs of
#     spaces any spaces and bars any bars; "..." matches anything, on a line of its own any lines
#   - a command's exit status must be 0, unless the line ends in "# exits N"
use strict;
use warnings;
use File::Temp qw(tempdir);

my ($document, $program, $repository) = @ARGV;
die "usage: run.pl DOCUMENT PROGRAM REPOSITORY\n" unless defined $repository;

sub read_commands {
  my ($path) = @_;
  my (@commands, $inside);
  open my $file, '<', $path or die "$path: $!\n";
  while (my $line = <$file>) {
    chomp $line;
    if ($line =~ /^```/) { $inside = $line =~ /^```console/ ? 1 : 0; next; }
    next unless $inside;
    if ($line =~ /^\$ (.*?)(?:\s+# exits (\d+))?$/) {
      push @commands, {line => $., command => $1, status => $2 // 0, expected => []};
    } elsif (@commands && $line =~ /\S/) {
      push @{$commands[-1]{expected}}, $line;
    }
  }
  return @commands;
}

# The shown line as a pattern.
sub pattern {
  my ($shown) = @_;
  my $number = '[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?';
  my $result = '';
  for my $part (split /(\.\.\.|$number|\s+|[\x{2580}-\x{259f}#]{2,})/, $shown) {
    next if $part eq '';
    $result .= $part eq '...'          ? '.*'
             : $part =~ /^$number$/    ? '\s*' . $number
             : $part =~ /^\s+$/        ? '\s+'
             : $part =~ /^[\x{2580}-\x{259f}#]{2,}$/ ? '[\x{2580}-\x{259f}#]*'
             :                           quotemeta $part;
  }
  $result =~ s/^(\\s\+)?/\\s*/;
  return qr/^$result\s*$/;
}

# The first shown line that the output lacks, or undef. A line that follows another one directly in
# the document may come later in the output only after a "..." line.
sub first_missing {
  my ($expected, $output) = @_;
  my $at = 0;
  my $loose = 1;
  for my $shown (@$expected) {
    if ($shown =~ /^\s*\.\.\.\s*$/) { $loose = 1; next; }
    my $wanted = pattern($shown);
    my $found = $at;
    $found++ while $loose && $found < @$output && $output->[$found] !~ $wanted;
    return $shown unless $found < @$output && $output->[$found] =~ $wanted;
    $at = $found + 1;
    $loose = 0;
  }
  return undef;
}

binmode STDOUT, ':utf8';
my $folder = tempdir(CLEANUP => 1);
symlink $program, "$folder/betimes" or die "symlink: $!\n";
symlink "$repository/models", "$folder/models" or die "symlink: $!\n";
my @commands = read_commands($document);
die "$document has no console blocks with commands\n" unless @commands;
my $failures = 0;
for my $item (@commands) {
  open my $pipe, '-|:utf8', 'sh', '-c', "cd '$folder' && { $item->{command}\n} 2>&1" or die "sh: $!\n";
  my @output = grep { /\S/ } <$pipe>;
  close $pipe;
  chomp @output;
  my $status = $? >> 8;
  my @expected = map { utf8::decode(my $copy = $_); $copy } @{$item->{expected}};
  my $missing = first_missing(\@expected, \@output);
  next if $status == $item->{status} && !defined $missing;
  $failures++;
  print "$document:$item->{line}: \$ $item->{command}\n";
  print "  exits $status, shown as exiting $item->{status}\n" if $status != $item->{status};
  print "  isn't printed (here): $missing\n" if defined $missing;
  print map { "  | $_\n" } @output;
}
printf "%d commands, %d differ from what %s shows\n", scalar @commands, $failures, $document;
exit($failures ? 1 : 0);
