import Ascribe
import Foundation
import Testing

/// Fitting a stripped model to pictures, through the facade.
@Suite struct CalibratedConversionTests {
  private struct Stop: Error {}

  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "ascribe-\(UUID().uuidString)")

  private static let models = GoldenModel.folder.deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "models")

  /// The shipped classifier, stripped, and pictures of every class, `count` of each.
  private func problem(count: Int) throws -> (Conversion, SampleFolder, PictureRule) {
    let model = try Model(contentsOf: Self.models.appending(path: "shapes.onnx"))
    let source = Self.models.appending(path: "shapes/images").path
    for name in try FileManager.default.contentsOfDirectory(atPath: source) {
      let target = folder.appending(path: name).path
      try OutputFile.makeFolder(target)
      for number in 0..<count {
        let file = String(format: "%03d.png", number)
        try FileManager.default.copyItem(
          atPath: "\(source)/\(name)/\(file)", toPath: "\(target)/\(file)")
      }
    }
    let rule = try model.pictureRule(nil)
    let samples = try model.samples(
      inFolder: folder.path, rule: rule, labels: try model.labels(nil).names)
    return (try model.strippingBiases(), samples, rule)
  }

  private func written(_ conversion: Conversion) throws -> Data {
    let file = folder.appending(path: "written.onnx")
    try conversion.write(to: file)
    return try Data(contentsOf: file)
  }

  @Test func fittingRepairsWhatStrippingBroke() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (stripped, samples, rule) = try problem(count: 8)
    var settings = CalibrationSettings()
    settings.comparedMaps = 1
    let fitted = try stripped.calibrated(on: samples, rule: rule, settings)
    let measured = try #require(fitted.report.measured)
    #expect(
      measured.variants.map(\.name) == ["original", "stripped", "absorption", "reconstruction"])
    #expect(measured.pictures == 16)
    let before = try #require(measured.variant("stripped"))
    let method = try #require(fitted.report.calibration?.method)
    let after = try #require(measured.variant(method))
    #expect(after.agreement.cosine > before.agreement.cosine)
    #expect(after.agreement.cosine > 0.9)
    #expect(after.accuracy?.count == 16)
    #expect(try #require(after.difference).perPicture < 1e-3)
    #expect(try #require(measured.variant("original")?.difference).perPicture > 0.1)
    #expect(fitted.report.homogeneity.degree == 1)
    #expect(try #require(fitted.report.calibration).layers.count == 8)
  }

  @Test func anInterruptedRunGoesOnWithTheSameBits() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (stripped, samples, rule) = try problem(count: 2)
    var settings = CalibrationSettings()
    settings.comparedMaps = 0
    let expected = try written(try stripped.calibrated(on: samples, rule: rule, settings))
    settings.storeFolder = folder.appending(path: "store").path
    #expect(throws: Stop.self) {
      try stripped.calibrated(on: samples, rule: rule, settings) { stage, share in
        if stage.hasSuffix("reconstruction"), share > 0.5 { throw Stop() }
      }
    }
    settings.resumes = true
    var shares: [Double] = []
    let resumed = try stripped.calibrated(on: samples, rule: rule, settings) { stage, share in
      if stage.hasSuffix("absorption") { shares.append(share) }
    }
    #expect(shares.allSatisfy { $0 > 0 })
    #expect(try written(resumed) == expected)
    #expect(resumed.report.calibration?.layers.count == 8)
    settings.seed = 1
    #expect(throws: ModelError.self) {
      try stripped.calibrated(on: samples, rule: rule, settings)
    }
    settings.resumes = false
    let other = try written(try stripped.calibrated(on: samples, rule: rule, settings))
    #expect(other != expected)
    CalibrationSettings.removeStore(settings.storeFolder ?? "")
    #expect(!FileManager.default.fileExists(atPath: settings.storeFolder ?? ""))
  }
}
