import Foundation
import GRDB
public import Graphs

extension ResultSummary {
  /// Sums up a file of results, complete or not.
  ///
  /// - Parameter timing: whether seconds are summed up too, which no two runs have in common.
  /// - Throws: `ModelError` if the file cannot be read or is none of results.
  public init(contentsOf path: String, timing: Bool = false) throws(ModelError) {
    let queue = try ResultDatabase.openToRead(path)
    self = try ResultDatabase.attempt(path, writing: false) {
      try queue.read { database in
        guard let header = try ResultHeader(database) else {
          throw ModelError("it holds no results yet", file: path)
        }
        return try SummaryReader(database: database, evaluation: header.evaluation)
          .summary(header, timing: timing)
      }
    }
  }
}

extension ResultSummary.Masks {
  /// Those of the samples in a file.
  init(_ database: Database) throws {
    let row = try Row.fetchOne(
      database,
      sql: """
        SELECT count(*) AS total, ifnull(sum(shown = 0), 0) AS black
        FROM (SELECT min(value) AS shown FROM value WHERE result = ? GROUP BY sample)
        """, arguments: [SampleRecord.Value.object])
    self.init(total: row?["total"] ?? 0, black: row?["black"] ?? 0)
  }
}

/// Goes through the tables of a file of results, always in the order of the samples.
private struct SummaryReader {
  let database: Database
  let evaluation: EvaluationProtocol

  /// What a mean is taken of.
  private struct Key: Hashable {
    let model: Int
    let method: Int
    let result: String
  }

  func summary(_ header: ResultHeader, timing: Bool) throws -> ResultSummary {
    let failures = try Row.fetchAll(
      database, sql: "SELECT name, failure FROM sample WHERE failure IS NOT NULL ORDER BY id"
    ).map { ResultSummary.Failure(name: $0["name"], reason: $0["failure"]) }
    var means = try self.means()
    for (key, mean) in try batchDifferences() { means[key] = mean }
    for (key, mean) in try costs(timing: timing) { means[key] = mean }
    let masks = try ResultSummary.Masks(database)
    if masks.total > 0 {
      for key in maskKeys { means[key] = means[key] ?? RunningMean() }
    }
    let results = means.keys.sorted(by: isOrdered).map { key in
      let mean = means[key] ?? RunningMean()
      return ResultSummary.Result(
        model: modelName(key.model), method: methodName(key.method), metric: key.result,
        n: mean.count, mean: mean.count > 0 ? mean.mean : nil, standardError: mean.standardError)
    }
    return ResultSummary(
      protocol: evaluation,
      samples: .init(total: header.expected, done: header.finished, failed: failures.count),
      failures: failures, masks: masks, results: results, curves: try curves())
  }

  /// What is measured with masks, which has no number where all are black.
  private var maskKeys: [Key] {
    evaluation.models.enumerated().flatMap { model, entry in
      evaluation.methods.enumerated().filter { !entry.without.contains($1) }.flatMap { method, _ in
        evaluation.metrics.filter(\.needsMasks).map { metric in
          Key(model: model, method: method, result: metric.rawValue)
        }
      }
    }
  }

  private func means() throws -> [Key: RunningMean] {
    var means: [Key: RunningMean] = [:]
    let rows = try Row.fetchCursor(
      database,
      sql: "SELECT model, method, result, value FROM value WHERE result != ? ORDER BY sample",
      arguments: [SampleRecord.Value.object])
    while let row = try rows.next() {
      let key = Key(model: row["model"], method: row["method"], result: row["result"])
      means[key, default: RunningMean()].add(row["value"])
    }
    return means
  }

  /// The mean over batches of 16 samples, each batch one tensor: the protocol of Hesse et al. (2021).
  private func batchDifferences() throws -> [Key: RunningMean] {
    var batches: [Key: (parts: DifferenceParts, count: Int)] = [:]
    var means: [Key: RunningMean] = [:]
    let rows = try Row.fetchCursor(
      database,
      sql: "SELECT model, method, numbers FROM curve WHERE result = 'difference' ORDER BY sample")
    while let row = try rows.next() {
      let key = Key(model: row["model"], method: row["method"], result: "difference-batch")
      guard let parts = DifferenceParts(Self.numbers(row["numbers"])) else { continue }
      var batch = batches[key] ?? (DifferenceParts(), 0)
      batch.parts.add(parts)
      batch.count += 1
      if batch.count == RelativeDifference.batchSize {
        means[key, default: RunningMean()].add(batch.parts.percentage)
        batches[key] = nil
      } else {
        batches[key] = batch
      }
    }
    for (key, batch) in batches { means[key, default: RunningMean()].add(batch.parts.percentage) }
    return means
  }

  private func costs(timing: Bool) throws -> [Key: RunningMean] {
    var means: [Key: RunningMean] = [:]
    let rows = try Row.fetchCursor(
      database,
      sql: "SELECT model, method, forward, backward, seconds FROM cost ORDER BY sample")
    while let row = try rows.next() {
      for result in ["forward", "backward"] + (timing ? ["seconds"] : []) {
        let name = result == "seconds" ? result : "\(result)-passes"
        let key = Key(model: row["model"], method: row["method"], result: name)
        means[key, default: RunningMean()].add(row[result])
      }
    }
    return means
  }

  private func curves() throws -> [ResultSummary.Curve] {
    var sums: [Key: (sum: [Double], count: Int)] = [:]
    let rows = try Row.fetchCursor(
      database,
      sql: """
        SELECT model, method, result, numbers FROM curve WHERE result != 'difference'
        ORDER BY sample
        """)
    while let row = try rows.next() {
      let key = Key(model: row["model"], method: row["method"], result: row["result"])
      let numbers = Self.numbers(row["numbers"])
      guard let known = sums[key], known.sum.count == numbers.count else {
        sums[key] = (numbers, 1)
        continue
      }
      sums[key] = (zip(known.sum, numbers).map { $0 + $1 }, known.count + 1)
    }
    return sums.keys.sorted(by: isOrdered).compactMap { key in
      guard let (sum, count) = sums[key] else { return nil }
      return ResultSummary.Curve(
        model: modelName(key.model), method: methodName(key.method), metric: key.result,
        positions: Curve.positions(of: key.result), means: sum.map { $0 / Double(count) })
    }
  }

  private static func numbers(_ bytes: Data) -> [Double] {
    bytes.withUnsafeBytes { bytes in
      (0..<(bytes.count / 8)).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
    }
  }

  /// By model, then as the metrics and methods were asked for.
  private func isOrdered(_ a: Key, _ b: Key) -> Bool {
    let (x, y) = (place(a), place(b))
    return x.lexicographicallyPrecedes(y)
  }

  private func place(_ key: Key) -> [Int] {
    let names = evaluation.metrics.flatMap { metric in
      metric == .difference ? ["difference", "difference-batch"] : metric.resultNames
    }
    let costs = ["forward-passes", "backward-passes", "seconds"]
    let result =
      names.firstIndex(of: key.result)
      ?? costs.firstIndex(of: key.result).map { names.count + $0 } ?? .max
    return [key.model, result, key.method]
  }

  private func modelName(_ number: Int) -> String {
    evaluation.models.indices.contains(number) ? evaluation.models[number].name : "\(number)"
  }

  private func methodName(_ number: Int) -> String? {
    evaluation.methods.indices.contains(number) ? evaluation.methods[number] : nil
  }
}

extension Curve {
  /// Where the curve of a metric is evaluated.
  fileprivate static func positions(of result: String) -> [Double] {
    switch Metric(rawValue: result) {
    case .contrast: contrasts
    case .insertion, .deletion: insertionShares
    default: maskShares
    }
  }
}
