import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskWatch } from './disk-watch.ts'
import { QUIET } from './runs.fixture.ts'

const GB = 1024 ** 3
const MB = 1024 ** 2

class Disk {
  totalBytes = 100 * GB
  freeBytes = 50 * GB
  reserve = 0
  told: boolean[] = []
  isRecordAway = false
  isUnreadable = false
  readonly watch: DiskWatch

  constructor(reserveBytes = 256 * MB) {
    this.watch = new DiskWatch(
      {
        space: async () => {
          if (this.isUnreadable) throw new Error('EIO')
          return { freeBytes: this.freeBytes, totalBytes: this.totalBytes }
        },
        reserve: {
          isHeld: async () => this.reserve > 0,
          make: async bytes => {
            this.reserve = bytes
            this.freeBytes -= bytes
          },
          free: async () => {
            this.freeBytes += this.reserve
            this.reserve = 0
          },
        },
        closeOnly: async reason => {
          if (this.isRecordAway) throw new Error('away')
          this.told.push(reason !== null)
        },
        log: QUIET,
        now: () => 1,
        sleep: async () => {},
      },
      { reserveBytes, everyMs: 1000 },
    )
  }

  async at(freePct: number): Promise<string> {
    this.freeBytes = (this.totalBytes * freePct) / 100
    await this.watch.check()
    return this.watch.status().state
  }
}

test('15 % warns, below 5 % only closing is allowed, and it ends above 6 %', async () => {
  const disk = new Disk(0)
  assert.deepEqual(
    [
      await disk.at(50),
      await disk.at(15),
      await disk.at(14.9),
      await disk.at(5),
      await disk.at(4.9),
      await disk.at(5.5),
      await disk.at(6),
      await disk.at(6.1),
      await disk.at(20),
    ],
    ['ok', 'ok', 'low', 'low', 'close_only', 'close_only', 'close_only', 'low', 'ok'],
  )
  assert.deepEqual(disk.told, [false, true, false])
})

test('between the bounds right after a start the record is left as the process before has set it', async () => {
  const disk = new Disk(0)
  assert.equal(await disk.at(5.5), 'low')
  assert.deepEqual(disk.told, [])
  await disk.at(7)
  assert.deepEqual(disk.told, [false])
})

test('a record that cannot be told is told at the next look', async () => {
  const disk = new Disk(0)
  disk.isRecordAway = true
  await disk.at(3)
  disk.isRecordAway = false
  await disk.at(3)
  assert.deepEqual(disk.told, [true])
})

test('the reserve is made where there is room, given up when the disk is full, and made again', async () => {
  const disk = new Disk()
  await disk.watch.check()
  assert.deepEqual([disk.reserve, disk.watch.status().reserve], [256 * MB, 'held'])
  disk.freeBytes = 63 * MB
  await disk.watch.check()
  assert.deepEqual([disk.reserve, disk.freeBytes, disk.watch.status().reserve], [0, (63 + 256) * MB, 'freed'])
  await disk.watch.check()
  assert.equal(disk.reserve, 0, 'not as long as it would fill the disk again')
  await disk.at(30)
  assert.equal(disk.reserve, 256 * MB)
})

test('a start does not wait for the reserve; the next look writes it', async () => {
  const disk = new Disk()
  await disk.watch.start()
  const { reserve } = disk.watch.status()
  await disk.watch.stop()
  assert.equal(reserve, 'freed')
})

test('without a reserve nothing is written; with a small disk it is not made where it would allow closing only', async () => {
  const off = new Disk(0)
  await off.watch.check()
  assert.deepEqual([off.reserve, off.watch.status().reserve], [0, 'off'])
  const small = new Disk()
  small.totalBytes = 3 * GB
  small.freeBytes = 0.4 * GB
  await small.watch.check()
  assert.equal(small.reserve, 0)
})

test('a disk that cannot be read is unknown, and stops nothing', async () => {
  const disk = new Disk(0)
  disk.isUnreadable = true
  await disk.watch.check()
  assert.equal(disk.watch.status().state, 'unknown')
  assert.deepEqual(disk.told, [])
})
