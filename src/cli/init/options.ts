/** The options of `signoff init`: each answers a question that it would ask at a terminal. */
import type { Command } from 'commander'

/** Adds the description and the options to the command. */
export function withInitOptions(command: Command): Command {
  return command
    .description('write releases.yml, the Slack app’s manifest and samples of the env files; asks at a terminal')
    .option('--checkout <directory>', 'a checkout of the app, to propose answers from; default: here')
    .option('--repository <workspace/name>', 'repository at Bitbucket')
    .option('--app <name>', 'what people call the app in Slack')
    .option('--integration <app or url>', 'Heroku app of integration, or the URL of its git remote; - for none')
    .option('--integration-branch <branch>', 'branch that integration follows')
    .option('--production <app or url>', 'Heroku app of production, or the URL of its git remote')
    .option('--production-branch <branch>', 'branch that production follows')
    .option('--alembic <files>', 'configuration files of its migrations, separated by spaces; - for none')
    .option('--channel <channel>', 'channel in which releases are shown and signed')
    .option('--approvers <people>', 'who may approve production: user groups and user ids, or everybody')
    .option('--overwrite', 'replace files that differ, without asking')
}
