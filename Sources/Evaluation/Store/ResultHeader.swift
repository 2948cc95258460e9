import GRDB
import Graphs

/// What a file of results says of itself.
struct ResultHeader {
  let evaluation: EvaluationProtocol
  let data: String
  let shard: Shard
  /// How many samples the shard has.
  let expected: Int
  /// How many of them have results.
  let finished: Int

  /// The header; nil where the file has none yet.
  init?(_ database: Database) throws {
    guard let row = try Row.fetchOne(database, sql: "SELECT * FROM run"),
      let text = row["protocol"] as String?, let data = row["data"] as String?,
      let index = row["shard"] as Int?, let count = row["shards"] as Int?,
      let expected = row["samples"] as Int?
    else { return nil }
    guard let found = try? EvaluationProtocol(json: text) else {
      throw ModelError(
        "its protocol cannot be read; use the version of the program that wrote it, or start anew")
    }
    evaluation = found
    self.data = data
    shard = Shard(unchecked: index, of: count)
    self.expected = expected
    finished = try Int.fetchOne(database, sql: "SELECT count(*) FROM sample") ?? 0
  }
}
