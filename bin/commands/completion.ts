import { Argument, type Command } from 'commander';
import { addExamples, type Invocation } from '../invocation.ts';
import { say } from '../terminal.ts';

/** Adds `weir completion`. */
export function addCompletion(program: Command, invocation: Invocation): void {
  const command = program
    .command('completion')
    .summary('print a completion script for a shell')
    .description('Prints a script that completes commands and options, made from the commands as they are.')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh']));
  addExamples(command, 'weir completion bash', 'weir completion zsh');
  command.action((shell: 'bash' | 'zsh') => {
    say(completionScript(program, shell));
    invocation.exitCode = 0;
  });
}

/** One line a place in the tree: the words so far, and what may follow. */
function completionScript(program: Command, shell: 'bash' | 'zsh'): string {
  const cases = placesOf(program, []).map(
    ({ path, words }) => `    '${path.join(' ')}') words='${words.join(' ')}' ;;`,
  );
  const script = [
    `# Completes the words of weir; load it with: source <(weir completion ${shell})`,
    '_weir() {',
    "  local place='' word words=''",
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$word" in -*) break ;; *) place="${place:+$place }$word" ;; esac',
    '  done',
    '  case "$place" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o filenames -F _weir weir',
  ];
  return (shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit', ...script] : script).join('\n');
}

type Place = { readonly path: readonly string[]; readonly words: readonly string[] };

function placesOf(command: Command, path: readonly string[]): Place[] {
  const commands = command.createHelp().visibleCommands(command);
  const options = command.options
    .filter(({ hidden }) => !hidden)
    .flatMap(({ long }) => (long === undefined ? [] : [long]));
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const words = [...commands.map((child) => child.name()), ...choices, ...options, '--help'];
  return [{ path, words }, ...command.commands.flatMap((child) => placesOf(child, [...path, child.name()]))];
}
