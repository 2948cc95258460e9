import Attribution
public import Evaluation
import Foundation
import Graphs
import Kernels
import Tensors

/// One or several models on a data set: methods, metrics, and a file that receives the results.
public final class DataSetEvaluation {
  /// What there is to tell while it works.
  public struct Progress: Sendable {
    /// Samples that are done, of how many, and how many of them failed.
    public let done: Int
    public let total: Int
    public let failures: Int
  }

  /// How a run ended.
  public struct Outcome: Sendable {
    /// Whether all samples have results.
    public let isComplete: Bool
    /// Samples with results, of how many, and how many of them failed.
    public let done: Int
    public let total: Int
    public let failures: Int
    /// The seconds that it took, and how many of them were spent in passes of the models.
    public let seconds: Double
    public let passSeconds: Double
    /// The masks that maps were compared with, by earlier runs too.
    public let masks: ResultSummary.Masks
  }

  /// What the numbers depend on.
  public let evaluation: EvaluationProtocol
  /// What a user may want to know before it starts.
  public let notes: [String]

  private let dataSet: DataSet
  private let samples: [DataSet.Sample]
  private let options: EvaluationOptions
  private let evaluators: [ModelEvaluator]
  private let preparation: SamplePreparation

  /// Prepares an evaluation: opens the data set and sees to it that models, data, methods and metrics
  /// go together.
  ///
  /// - Parameters:
  ///   - models: models of distinct file names; the options give the inputs that samples are not for.
  ///   - data: the path of the data set.
  ///   - labels: the file of the classes' names; nil for the one beside the first model.
  ///   - preprocessing: a preset or file for all models; nil for what lies beside each.
  ///   - progress: told of the share of samples whose digest is taken; what it throws ends the work.
  /// - Throws: `ModelError` that says what does not go together.
  public init(
    _ models: [Model], on data: String, labels: String? = nil, preprocessing: String? = nil,
    options: EvaluationOptions, progress: (Double) throws -> Void = { _ in }
  ) throws {
    let setting = try EvaluationSetting(
      models, data, labels: labels, preprocessing: preprocessing, options, progress)
    dataSet = setting.dataSet
    self.options = options
    notes = setting.notes
    preparation = setting.preparation
    evaluators = setting.evaluators
    evaluation = setting.evaluation
    samples = dataSet.samples.filter(options.shard.contains)
  }

  /// Evaluates all samples that the file has no results of.
  ///
  /// - Parameters:
  ///   - path: the file of results, which is made or gone on with.
  ///   - isStopped: asked between samples; the complete ones are kept then.
  ///   - progress: told after each group of samples.
  /// - Throws: `ModelError` if the file holds another evaluation or cannot be written, if a node fails,
  ///   or if a sample fails and the options do not allow that.
  public func run(
    into path: String, isStopped: () -> Bool = { false }, progress: (Progress) -> Void = { _ in }
  ) throws -> Outcome {
    let writer = try ResultWriter(
      path: path, protocol: evaluation, shard: options.shard, data: dataSet.path,
      expected: samples.count, processor: Machine.processor, threads: Machine.threads)
    do {
      if options.isStrict, writer.failures > 0 {
        throw ModelError(
          "\(writer.failures) samples in it failed, which --strict does not allow; start anew or "
            + "leave it out", file: path)
      }
      let saver = try options.mapFolder.map {
        try MapSaver(folder: $0, evaluation, isFloat16: options.savesFloat16)
      }
      try saver?.requireMaps(of: samples.filter { writer.sound.contains($0.index) }, path)
      let evaluator = Evaluator(
        evaluators, on: samples, preparation, into: writer, isStrict: options.isStrict,
        saveMaps: saver.map { saver in { try saver.save($1, of: $0) } })
      let result = try evaluator.run(isStopped: isStopped) {
        progress(Progress(done: $0.done, total: $0.total, failures: $0.failures))
      }
      let masks = try writer.masks()
      try writer.close(isComplete: result.isComplete)
      return Outcome(
        isComplete: result.isComplete, done: writer.finished.count, total: samples.count,
        failures: writer.failures, seconds: result.seconds, passSeconds: result.passSeconds,
        masks: masks)
    } catch {
      try? writer.close(isComplete: false)
      writer.removeIfEmpty()
      throw error
    }
  }
}

/// What an evaluation ran on, for the record.
private enum Machine {
  static var processor: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown"
  }

  static var threads: Int {
    let bound = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"].flatMap { Int($0) }
    return bound ?? ProcessInfo.processInfo.activeProcessorCount
  }
}
