import Foundation
import GRDB
package import Graphs

/// The SQLite file that holds the results of an evaluation.
package enum ResultDatabase {
  /// `ASCR`, by which SQLite files of this program are known.
  private static let applicationID = 0x4153_4352
  /// The version of the tables below.
  static let format = 1

  /// Tables whose rows belong to samples.
  static let sampleTables = ["sample", "prediction", "cost", "value", "curve"]

  private static let schema = """
    CREATE TABLE run (
      protocol TEXT NOT NULL, data TEXT NOT NULL,
      shard INTEGER NOT NULL, shards INTEGER NOT NULL, samples INTEGER NOT NULL);
    CREATE TABLE session (
      started TEXT NOT NULL, processor TEXT NOT NULL, threads INTEGER NOT NULL,
      samples INTEGER NOT NULL, seconds REAL NOT NULL, passSeconds REAL NOT NULL);
    CREATE TABLE sample (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, label INTEGER,
      failure TEXT);
    CREATE TABLE prediction (
      sample INTEGER NOT NULL, model INTEGER NOT NULL, target INTEGER NOT NULL, score REAL NOT NULL,
      best INTEGER NOT NULL, PRIMARY KEY (sample, model)) WITHOUT ROWID;
    CREATE TABLE cost (
      sample INTEGER NOT NULL, model INTEGER NOT NULL, method INTEGER NOT NULL,
      forward INTEGER NOT NULL, backward INTEGER NOT NULL, seconds REAL NOT NULL,
      PRIMARY KEY (sample, model, method)) WITHOUT ROWID;
    CREATE TABLE value (
      sample INTEGER NOT NULL, model INTEGER NOT NULL, method INTEGER NOT NULL,
      result TEXT NOT NULL, value REAL NOT NULL,
      PRIMARY KEY (sample, model, method, result)) WITHOUT ROWID;
    CREATE TABLE curve (
      sample INTEGER NOT NULL, model INTEGER NOT NULL, method INTEGER NOT NULL,
      result TEXT NOT NULL, numbers BLOB NOT NULL,
      PRIMARY KEY (sample, model, method, result)) WITHOUT ROWID;
    """

  /// Opens a file to write to, and makes its tables where it is new.
  static func open(_ path: String) throws(ModelError) -> DatabaseQueue {
    try attempt(path) {
      let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      let isNew = (size ?? 0) == 0
      // Somebody else's database must not change.
      if !isNew { try openToRead(path).close() }
      var configuration = Configuration()
      configuration.busyMode = .timeout(10)
      configuration.journalMode = .wal
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      if isNew {
        try queue.write { database in
          try database.execute(sql: "PRAGMA application_id = \(applicationID)")
          try database.execute(sql: "PRAGMA user_version = \(format)")
          try database.execute(sql: schema)
        }
      }
      return queue
    }
  }

  /// Opens a file to read.
  static func openToRead(_ path: String) throws(ModelError) -> DatabaseQueue {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw ModelError("there is no such file", kind: .noInput, file: path)
    }
    guard !isFolder.boolValue else {
      throw ModelError("it is a folder; name a file of results", kind: .noInput, file: path)
    }
    return try attempt(path, writing: false) {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(10)
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      try check(queue, path)
      return queue
    }
  }

  private static func check(_ queue: DatabaseQueue, _ path: String) throws {
    try queue.read { database in
      let id = try Int.fetchOne(database, sql: "PRAGMA application_id")
      guard id == applicationID else {
        throw ModelError("it is no file of results of this program", file: path)
      }
      let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
      guard version == format else {
        throw ModelError(
          "its tables are of version \(version), this program writes version \(format); "
            + "use the version of the program that wrote it, or start anew", file: path)
      }
      guard try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" else {
        throw damaged(path)
      }
    }
  }

  private static func damaged(_ path: String) -> ModelError {
    ModelError("the file of results is damaged; restore a copy or start anew", file: path)
  }

  /// Does something with a file and says what is wrong with that.
  package static func attempt<Result>(
    _ path: String, writing: Bool = true, _ body: () throws -> Result
  ) throws(ModelError) -> Result {
    do {
      return try body()
    } catch let error as ModelError {
      throw error.inFile(path)
    } catch let error as DatabaseError {
      switch error.resultCode {
      case .SQLITE_NOTADB:
        throw ModelError("it is no file of results of this program", file: path)
      case .SQLITE_CORRUPT: throw damaged(path)
      case .SQLITE_BUSY, .SQLITE_LOCKED:
        throw ModelError("another program keeps the file", kind: .cannotWrite, file: path)
      case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
        let reason = error.message ?? "no reason given"
        guard writing else {
          throw ModelError(
            "cannot be read: \(reason); results of an interrupted evaluation are read where their "
              + "folder can be written", kind: .noInput, file: path)
        }
        throw ModelError("cannot be written: \(reason)", kind: .cannotWrite, file: path)
      case .SQLITE_ERROR:
        throw damaged(path)
      default: throw ModelError("\(error)", kind: .fault, file: path)
      }
    } catch {
      throw ModelError("\(error)", kind: .fault, file: path)
    }
  }
}
