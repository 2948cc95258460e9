import Attribution
import Foundation
import GRDB
package import Graphs

/// Adds the results of samples to a file, all of a sample or nothing.
package final class ResultWriter {
  /// The samples whose results are there.
  package private(set) var finished: Set<Int> = []
  /// Those that did not fail.
  package private(set) var sound: Set<Int> = []
  /// How many failed.
  package var failures: Int { finished.count - sound.count }

  private let path: String
  private let queue: DatabaseQueue
  private let lock: FileLock
  private let session: Int64

  /// Opens a file of results to go on with, or makes one.
  ///
  /// - Parameters:
  ///   - data: the path of the data set, for the record.
  ///   - expected: how many samples the shard has.
  /// - Throws: `ModelError` if the file belongs to another evaluation or cannot be written.
  package init(
    path: String, protocol mine: EvaluationProtocol, shard: Shard, data: String, expected: Int,
    processor: String, threads: Int
  ) throws(ModelError) {
    self.path = path
    let lock = try FileLock(for: path)
    let isNew = !FileManager.default.fileExists(atPath: path)
    let queue: DatabaseQueue
    do throws(ModelError) {
      queue = try ResultDatabase.open(path)
      session = try ResultDatabase.attempt(path) {
        try Self.requireSame(queue, mine, shard, data, expected, path)
        return try queue.write { database in
          try database.execute(
            sql: "INSERT INTO session VALUES (?, ?, ?, 0, 0, 0)",
            arguments: [Date.now.ISO8601Format(), processor, threads])
          return database.lastInsertedRowID
        }
      }
      let known = try ResultDatabase.attempt(path) {
        try queue.read { database in
          (
            try Int.fetchSet(database, sql: "SELECT id FROM sample"),
            try Int.fetchSet(database, sql: "SELECT id FROM sample WHERE failure IS NULL")
          )
        }
      }
      (finished, sound) = known
    } catch {
      if isNew { Self.removeFiles(path) }
      lock.release()
      throw error
    }
    self.queue = queue
    self.lock = lock
  }

  private static func requireSame(
    _ queue: DatabaseQueue, _ mine: EvaluationProtocol, _ shard: Shard, _ data: String,
    _ expected: Int, _ path: String
  ) throws {
    let found = try queue.read { try ResultHeader($0) }
    guard let found else {
      try queue.write { database in
        try database.execute(
          sql: "INSERT INTO run VALUES (?, ?, ?, ?, ?)",
          arguments: [try mine.json(), data, shard.index, shard.count, expected])
      }
      return
    }
    let advice = "name another --output, or give the options of before"
    if let difference = mine.difference(from: found.evaluation) {
      throw ModelError(
        "it holds results of another evaluation: \(difference); \(advice)", kind: .usage,
        file: path)
    }
    guard found.shard == shard else {
      throw ModelError(
        "it holds shard \(found.shard), not \(shard); \(advice)", kind: .usage, file: path)
    }
  }

  /// Adds what was found out about these samples.
  package func append(
    _ records: [SampleRecord], of samples: [DataSet.Sample], seconds: Double, passSeconds: Double
  ) throws(ModelError) {
    do throws(ModelError) {
      try ResultDatabase.attempt(path) {
        try queue.write { database in
          for (record, sample) in zip(records, samples) {
            try Self.insert(record, sample, database)
          }
          try database.execute(
            sql: """
              UPDATE session SET samples = samples + ?, seconds = ?, passSeconds = ? WHERE rowid = ?
              """, arguments: [records.count, seconds, passSeconds, session])
        }
      }
    } catch {
      guard error.kind == .cannotWrite, !finished.isEmpty else { throw error }
      throw ModelError(
        "\(error.reason); the \(finished.count) samples that are complete are kept",
        kind: error.kind, file: error.file)
    }
    finished.formUnion(records.map(\.index))
    sound.formUnion(records.filter { $0.failure == nil }.map(\.index))
  }

  private static func insert(
    _ record: SampleRecord, _ sample: DataSet.Sample, _ database: Database
  ) throws {
    func run(_ sql: String, _ arguments: StatementArguments) throws {
      try database.cachedStatement(sql: sql).execute(arguments: arguments)
    }
    let id = record.index
    try run(
      "INSERT INTO sample VALUES (?, ?, ?, ?, ?)",
      [id, sample.name, sample.digest, sample.label, record.failure])
    guard record.failure == nil else { return }
    for item in record.predictions {
      try run(
        "INSERT INTO prediction VALUES (?, ?, ?, ?, ?)",
        [id, item.model, item.target, item.score, item.best])
    }
    for map in record.maps {
      try run(
        "INSERT INTO cost VALUES (?, ?, ?, ?, ?, ?)",
        [id, map.model, map.method, map.passes.forward, map.passes.backward, map.seconds])
    }
    // What is no number or infinite is no result: a mean over it would be none either.
    for (key, value) in record.values where value.isFinite {
      try run(
        "INSERT INTO value VALUES (?, ?, ?, ?, ?)",
        [id, key.model, key.method ?? -1, key.result, value])
    }
    for (key, numbers) in record.curves where numbers.allSatisfy(\.isFinite) {
      let bytes = numbers.withUnsafeBytes { Data($0) }
      try run(
        "INSERT INTO curve VALUES (?, ?, ?, ?, ?)",
        [id, key.model, key.method ?? -1, key.result, bytes])
    }
  }

  /// The masks that maps were compared with, in this run and before.
  package func masks() throws(ModelError) -> ResultSummary.Masks {
    try ResultDatabase.attempt(path) { try queue.read { try ResultSummary.Masks($0) } }
  }

  /// Leaves the file as it is; where the evaluation is complete, as one file without a log beside it.
  package func close(isComplete: Bool) throws(ModelError) {
    defer { lock.release() }
    if isComplete {
      // Somebody who reads the file keeps the log beside it; the results are safe all the same.
      try? queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
    }
    try ResultDatabase.attempt(path) { try queue.close() }
  }

  /// Removes a closed file without any sample, which would only stand in the way of another evaluation.
  package func removeIfEmpty() {
    if finished.isEmpty { Self.removeFiles(path) }
  }

  private static func removeFiles(_ path: String) {
    for ending in ["", "-wal", "-shm", "-journal"] { unlink(path + ending) }
  }
}

/// A file that one process at a time can hold.
private final class FileLock {
  private let path: String
  private let descriptor: Int32

  init(for output: String) throws(ModelError) {
    path = output + ".lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw ModelError(
        "cannot be written: \(String(cString: strerror(errno)))", kind: .cannotWrite, file: output)
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      Foundation.close(descriptor)
      throw ModelError(
        "another evaluation writes there; wait for it or name another --output", kind: .usage,
        file: output)
    }
  }

  func release() {
    unlink(path)
    Foundation.close(descriptor)
  }
}
