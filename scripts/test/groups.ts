// The groups of `npm test`: which files belong to each, how many run side by side, how long one may take.

export type FileGroupName = 'tidy' | 'unit' | 'postgres' | 'simulation' | 'browser'
export type GroupName = 'types' | 'lint' | FileGroupName

export interface FileGroup {
  readonly name: FileGroupName
  /** Files of this group that run at the same time. Each is a process of its own. */
  readonly parallel: number
  /** A file that takes longer is ended and counted as failed. */
  readonly fileTimeoutSec: number
  readonly needsDatabase: boolean
}

/** In the order in which they run: what fails fastest comes first. `unit` takes as many processes as there are cores. */
export function fileGroups(cores: number): readonly FileGroup[] {
  return [
    { name: 'tidy', parallel: 2, fileTimeoutSec: 60, needsDatabase: false },
    { name: 'unit', parallel: Math.max(2, cores), fileTimeoutSec: 180, needsDatabase: false },
    { name: 'postgres', parallel: 2, fileTimeoutSec: 240, needsDatabase: true },
    { name: 'simulation', parallel: 2, fileTimeoutSec: 900, needsDatabase: true },
    { name: 'browser', parallel: 2, fileTimeoutSec: 300, needsDatabase: true },
  ]
}

export const groupNames: readonly GroupName[] = ['types', 'lint', 'tidy', 'unit', 'postgres', 'simulation', 'browser']

/**
 * The group of a test file, by its path from the root with forward slashes.
 * Whatever is not named here is `unit`, so no test file can be left out by standing in an unforeseen folder.
 */
export function groupOf(path: string): FileGroupName {
  if (/\.e2e\.test\.tsx?$/.test(path)) return 'browser'
  if (/^tests\/(kill|crash-lab)\//.test(path)) return 'simulation'
  if (/\.pg\.test\.tsx?$/.test(path)) return 'postgres'
  if (path === 'tests/tidy.test.ts' || path.startsWith('tests/tidy/')) return 'tidy'
  return 'unit'
}
