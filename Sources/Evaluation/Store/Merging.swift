import Foundation
import GRDB
public import Graphs

/// Joins the shards of an evaluation.
public enum ResultMerge {
  /// Writes all results of the shards into one file, as if one run had made them.
  ///
  /// - Parameters:
  ///   - paths: one file for each shard, in any order.
  ///   - output: the file that receives them; one that is there is replaced if it
  ///     holds all results of the same evaluation.
  /// - Returns: how many samples there are, the kinds of machines that the shards ran on, since on different
  ///   ones last bits may differ, and the masks that maps were compared with.
  /// - Throws: `ModelError` if a shard is missing, incomplete, given twice or of another evaluation.
  public static func merge(_ paths: [String], into output: String) throws(ModelError) -> (
    samples: Int, machines: [String], masks: ResultSummary.Masks
  ) {
    guard let first = paths.first else {
      throw ModelError("there is no shard to merge", kind: .usage)
    }
    let headers = try paths.map { (path) throws(ModelError) in try header(path) }
    try check(headers, paths)
    let target = URL(filePath: output).standardizedFileURL.path
    guard !paths.contains(where: { URL(filePath: $0).standardizedFileURL.path == target }) else {
      throw ModelError("it is one of the shards; name another --output", kind: .usage, file: output)
    }
    if FileManager.default.fileExists(atPath: output) {
      let old = try header(output)
      let isSame = old.evaluation.difference(from: headers[0].evaluation) == nil
      guard isSame, old.shard == .whole, old.finished == old.expected else {
        throw ModelError(
          "there is a file of other results; remove it or name another --output",
          kind: .cannotWrite, file: output)
      }
    }
    let temporary = "\(output).\(ProcessInfo.processInfo.processIdentifier).partial"
    do {
      let merged = try ResultDatabase.attempt(output) {
        try copy(paths, headers[0], to: temporary, from: first)
      }
      guard merged.samples == headers[0].evaluation.data.samples else {
        throw ModelError(
          "the shards hold \(merged.samples) samples, the data set "
            + "\(headers[0].evaluation.data.samples)",
          file: first)
      }
      guard rename(temporary, output) == 0 else {
        throw ModelError(
          "cannot be written: \(String(cString: strerror(errno)))", kind: .cannotWrite,
          file: output)
      }
      return merged
    } catch {
      for ending in ["", "-wal", "-shm", "-journal"] { unlink(temporary + ending) }
      guard var error = error as? ModelError else { throw ModelError("\(error)", kind: .fault) }
      if error.file == temporary { error.file = output }
      throw error
    }
  }

  private static func header(_ path: String) throws(ModelError) -> ResultHeader {
    let queue = try ResultDatabase.openToRead(path)
    return try ResultDatabase.attempt(path) {
      guard let header = try queue.read({ try ResultHeader($0) }) else {
        throw ModelError("it holds no results yet; run that shard first", file: path)
      }
      return header
    }
  }

  private static func check(
    _ headers: [ResultHeader], _ paths: [String]
  ) throws(ModelError) {
    let count = headers[0].shard.count
    var seen: [Int: String] = [:]
    for (header, path) in zip(headers, paths) {
      if let difference = header.evaluation.difference(from: headers[0].evaluation) {
        throw ModelError(
          "it is of another evaluation than \(paths[0]): \(difference)", file: path)
      }
      guard header.shard.count == count else {
        throw ModelError("it is shard \(header.shard), \(paths[0]) is one of \(count)", file: path)
      }
      if let other = seen.updateValue(path, forKey: header.shard.index) {
        throw ModelError("shard \(header.shard) is given twice, by \(other) too", file: path)
      }
      guard header.finished == header.expected else {
        throw ModelError(
          "shard \(header.shard) is not complete: \(header.expected - header.finished) of "
            + "\(header.expected) samples are missing; run it again", file: path)
      }
    }
    let missing = (1...count).filter { seen[$0] == nil }
    guard missing.isEmpty else {
      let names = missing.prefix(5).map { "\($0)/\(count)" }.joined(separator: ", ")
      throw ModelError(
        "\(missing.count == 1 ? "shard" : "shards") \(names)\(missing.count > 5 ? " and more" : "") "
          + "missing among the \(paths.count) files")
    }
  }

  private static func copy(
    _ paths: [String], _ header: ResultHeader, to temporary: String, from first: String
  ) throws -> (samples: Int, machines: [String], masks: ResultSummary.Masks) {
    let queue = try ResultDatabase.open(temporary)
    try queue.writeWithoutTransaction { database in
      try database.execute(
        sql: "INSERT INTO run VALUES (?, ?, 1, 1, ?)",
        arguments: [
          try header.evaluation.json(), header.data, header.evaluation.data.samples,
        ])
      for path in paths {
        try database.execute(sql: "ATTACH DATABASE ? AS shard", arguments: [path])
        try database.inTransaction {
          for table in ResultDatabase.sampleTables + ["session"] {
            try database.execute(sql: "INSERT INTO \(table) SELECT * FROM shard.\(table)")
          }
          return .commit
        }
        try database.execute(sql: "DETACH DATABASE shard")
      }
      try database.execute(sql: "PRAGMA journal_mode = DELETE")
    }
    let result = try queue.read { database in
      (
        try Int.fetchOne(database, sql: "SELECT count(*) FROM sample") ?? 0,
        try String.fetchAll(
          database,
          sql: """
            SELECT DISTINCT processor || ' with ' || threads || ' threads' FROM session
            WHERE samples > 0 ORDER BY 1
            """),
        try ResultSummary.Masks(database)
      )
    }
    try queue.close()
    return result
  }
}
