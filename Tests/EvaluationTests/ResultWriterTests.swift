import Evaluation
import GRDB
import Graphs
import TestSupport
import Testing

struct ResultWriterTests {
  private let scratch: Scratch
  private let path: String

  init() throws {
    scratch = try Scratch()
    path = scratch.path + "/r.sqlite"
  }

  private func writer(seed: UInt64 = 0, shard: Shard = .whole) throws -> (ResultWriter, DataSet) {
    for name in ["a", "b", "c"] { try scratch.write("data/\(name).png", Array(name.utf8)) }
    let dataSet = try DataSet(path: scratch.path + "/data", labels: [], scores: nil)
    let evaluation = EvaluationProtocol(
      version: "1", data: .init(dataSet, masks: nil),
      models: [.init(name: "m", sha256: "", preprocessing: nil, batch: 1, without: [])],
      methods: ["gradient"], metrics: [.gini], target: "argmax", space: "logit", baseline: "zero",
      layer: nil, precision: "float32", seed: seed)
    let writer = try ResultWriter(
      path: path, protocol: evaluation, shard: shard, data: dataSet.path,
      expected: dataSet.samples.count, processor: "p", threads: 1)
    return (writer, dataSet)
  }

  private func record(_ index: Int, _ value: Double?) -> SampleRecord {
    let record = SampleRecord(index: index, failure: value == nil ? "broken" : nil)
    record.values[.init(model: 0, method: 0, result: "gini")] = value
    return record
  }

  @Test func resultsAreThereAgain() throws {
    let (first, data) = try writer()
    try first.append(
      [record(0, 1), record(1, nil)], of: Array(data.samples[...1]), seconds: 1, passSeconds: 1)
    try first.close(isComplete: false)
    let partial = try ResultSummary(contentsOf: path)
    #expect(partial.samples.done == 2 && partial.samples.total == 3)
    let (second, _) = try writer()
    #expect(second.finished == [0, 1])
    #expect(second.failures == 1)
    try second.append([record(2, 4)], of: [data.samples[2]], seconds: 1, passSeconds: 1)
    try second.close(isComplete: true)
    let summary = try ResultSummary(contentsOf: path)
    #expect(summary.failures.map(\.name) == ["b.png"])
    #expect(summary.results.map(\.metric) == ["gini"])
    #expect(summary.results[0].n == 2 && summary.results[0].mean == 2.5)
    // The standard deviation of 1 and 4 over the root of 2.
    #expect(summary.results[0].standardError == 1.5)
  }

  /// What is infinite or no number counts neither as a value nor in a mean curve.
  @Test func numbersThatAreNone() throws {
    let (writer, data) = try writer()
    let records = [Double.infinity, .nan, 3].enumerated().map { index, value in
      let sample = record(index, value)
      sample.curves[.init(model: 0, method: 0, result: "insertion")] = [value, 1]
      return sample
    }
    try writer.append(records, of: data.samples, seconds: 1, passSeconds: 1)
    try writer.close(isComplete: true)
    let summary = try ResultSummary(contentsOf: path)
    #expect(summary.results[0].n == 1 && summary.results[0].mean == 3)
    #expect(summary.curves.map(\.means) == [[3, 1]])
  }

  /// All of a sample or nothing: a sample that is there already changes nothing.
  @Test func aGroupIsOneTransaction() throws {
    let (writer, data) = try writer()
    try writer.append([record(0, 1)], of: [data.samples[0]], seconds: 1, passSeconds: 1)
    #expect(throws: ModelError.self) {
      try writer.append(
        [record(1, 2), record(0, 3)], of: [data.samples[1], data.samples[0]], seconds: 1,
        passSeconds: 1)
    }
    try writer.close(isComplete: false)
    let summary = try ResultSummary(contentsOf: path)
    #expect(summary.samples.done == 1 && summary.results[0].mean == 1)
  }

  @Test func whoReadsAtTheEndIsNoHindrance() throws {
    let (writer, data) = try writer()
    try writer.append([record(0, 1)], of: [data.samples[0]], seconds: 1, passSeconds: 1)
    let reader = try DatabaseQueue(path: path)
    try reader.read { database in
      _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM sample")
      try writer.close(isComplete: true)
    }
    try reader.close()
    #expect(try ResultSummary(contentsOf: path).samples.done == 1)
  }

  @Test func oneWriterAtATime() throws {
    let (first, _) = try writer()
    let error = #expect(throws: ModelError.self) { try writer() }
    #expect(error?.reason.contains("another evaluation writes there") == true)
    try first.close(isComplete: false)
    #expect(throws: ModelError.self) { try writer(seed: 1) }
    #expect(throws: ModelError.self) { try writer(shard: #require(Shard("1/2"))) }
    try writer().0.close(isComplete: false)
  }
}
