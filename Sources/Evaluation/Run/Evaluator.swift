import Attribution
import Dispatch
import Graphs
import Synchronization
import Tensors

/// Evaluates the samples of a data set and puts the results into a file, group after group.
///
/// What is found out about a sample depends on no other one, nor on the groups: so a run can be
/// interrupted, resumed and divided, and the numbers stay the same.
package final class Evaluator {
  /// What there is to tell while it works.
  package struct Progress: Sendable {
    /// Samples that are done, of how many, and how many of them failed.
    package let done: Int
    package let total: Int
    package let failures: Int
  }

  /// How a run ended.
  package struct Outcome: Sendable {
    /// Whether all samples are done.
    package let isComplete: Bool
    /// The seconds that it took, and how many of them passed in the models.
    package let seconds: Double
    package let passSeconds: Double
  }

  private let models: [ModelEvaluator]
  private let samples: [DataSet.Sample]
  private let preparation: SamplePreparation
  private let writer: ResultWriter
  private let saveMaps: ((DataSet.Sample, SampleRecord) throws -> Void)?
  private let isStrict: Bool
  private let total: Int
  private let clock = ContinuousClock()

  /// Samples that are prepared together, at least: a batch of every model.
  private static let smallestGroup = 16

  /// - Parameters:
  ///   - samples: those of the shard; the ones that the writer has already are left out.
  ///   - saveMaps: writes the maps of a sample to files.
  ///   - isStrict: whether a sample that fails ends the run.
  package init(
    _ models: [ModelEvaluator], on samples: [DataSet.Sample], _ preparation: SamplePreparation,
    into writer: ResultWriter, isStrict: Bool,
    saveMaps: ((DataSet.Sample, SampleRecord) throws -> Void)?
  ) {
    self.models = models
    self.samples = samples.filter { !writer.finished.contains($0.index) }
    self.preparation = preparation
    self.writer = writer
    self.isStrict = isStrict
    self.saveMaps = saveMaps
    total = samples.count
  }

  /// Evaluates all samples that are left.
  ///
  /// - Parameters:
  ///   - isStopped: asked between samples; the complete ones are kept then.
  ///   - progress: told after each group.
  /// - Throws: `ModelError` if a node fails, the results cannot be written, or a sample fails and that
  ///   is not allowed.
  package func run(
    isStopped: () -> Bool, progress: (Progress) -> Void
  ) throws -> Outcome {
    let start = clock.now
    let passesBefore = passSeconds
    let size = max(Self.smallestGroup, models.map(\.batchSize).max() ?? 1)
    let groups = stride(from: 0, to: samples.count, by: size).map {
      Array(samples[$0..<min($0 + size, samples.count)])
    }
    let ahead = Ahead(count: groups.count) { [preparation] number in
      preparation.prepare(groups[number])
    }
    var seconds: Double { (clock.now - start) / .seconds(1) }
    var chunk = 1
    while !isStopped(), let prepared = ahead.next() {
      let group = try begin(prepared, isStopped: isStopped)
      var done = 0
      while done < prepared.count, !isStopped() {
        let begin = clock.now
        let part = done..<min(done + chunk, prepared.count)
        let records = try finish(group, part, isStopped: isStopped)
        try write(
          records, of: prepared[part].map(\.sample), seconds: seconds,
          passSeconds: passSeconds - passesBefore)
        done += records.count
        progress(
          Progress(done: writer.finished.count, total: total, failures: writer.failures))
        let each = (clock.now - begin) / .seconds(1) / Double(part.count)
        chunk = max(1, min(prepared.count, Int(Self.secondsAtRisk / max(each, 1e-6))))
      }
    }
    return Outcome(
      isComplete: writer.finished.count == total, seconds: seconds,
      passSeconds: passSeconds - passesBefore)
  }

  /// Seconds of work that a kill may cost: so much is evaluated before it is written.
  private static let secondsAtRisk = 5.0

  private func write(
    _ records: [SampleRecord], of samples: [DataSet.Sample], seconds: Double, passSeconds: Double
  ) throws {
    let failure = isStrict ? records.firstIndex { $0.failure != nil } : nil
    let sound = failure ?? records.count
    if let saveMaps {
      for (sample, record) in zip(samples, records.prefix(sound)) { try saveMaps(sample, record) }
    }
    try writer.append(
      Array(records.prefix(sound)), of: samples, seconds: seconds, passSeconds: passSeconds)
    if let failure {
      throw ModelError(records[failure].failure ?? "", file: samples[failure].name)
    }
  }

  private var passSeconds: Double { models.reduce(0) { $0 + $1.passSeconds } }

  /// Samples that share batches, and for each model what was begun of them.
  private struct Group {
    let records: [SampleRecord]
    let begun: [[ModelEvaluator.BegunSample?]]
  }

  /// Computes for all samples of a group what takes a few evaluations each.
  private func begin(_ prepared: [PreparedSample], isStopped: () -> Bool) throws -> Group {
    let records = prepared.map { sample in
      let record = SampleRecord(index: sample.sample.index)
      switch sample.inputs {
      case .failure(let error): record.failure = error.reason
      case .success(let inputs):
        for (model, mask) in inputs.map(\.mask).enumerated() {
          let key = SampleRecord.Value(
            model: model, method: nil, result: SampleRecord.Value.object)
          record.values[key] = mask.map { $0.contains(true) ? 1 : 0 }
        }
      }
      return record
    }
    let readable = prepared.indices.filter { records[$0].failure == nil }
    let begun = try models.enumerated().map { number, model in
      let samples = try model.begin(
        readable.map { prepared[$0] },
        try readable.map { try prepared[$0].inputs.get()[number] },
        into: readable.map { records[$0] }, isStopped: isStopped)
      var begun = [ModelEvaluator.BegunSample?](repeating: nil, count: prepared.count)
      for (index, sample) in zip(readable, samples) { begun[index] = sample }
      return begun
    }
    return Group(records: records, begun: begun)
  }

  /// The records of some samples of a group, as far as they are complete, from the first on.
  private func finish(
    _ group: Group, _ part: Range<Int>, isStopped: () -> Bool
  ) throws -> [SampleRecord] {
    // A sample that one model finishes and another does not is begun again from here.
    var records = group.records[part].map { $0.copy() }
    for (model, begun) in zip(models, group.begun) where !records.isEmpty {
      let complete = try model.finish(
        Array(begun[part].prefix(records.count)), into: records, isStopped: isStopped)
      records = Array(records.prefix(complete))
    }
    return records
  }
}

extension SamplePreparation {
  /// Prepares samples on all cores.
  func prepare(_ samples: [DataSet.Sample]) -> [PreparedSample] {
    let prepared = Mutex([PreparedSample?](repeating: nil, count: samples.count))
    DispatchQueue.concurrentPerform(iterations: samples.count) { number in
      let sample = prepare(samples[number])
      prepared.withLock { $0[number] = sample }
    }
    return prepared.withLock { $0.compactMap(\.self) }
  }
}
