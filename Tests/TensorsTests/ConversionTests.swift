import Tensors
import Testing

@Suite struct ConversionTests {
  @Test func floatsBecomeIntegersTowardZeroSaturating() {
    let x = Tensor([1.9, -1.9, 300, -300, .nan, .infinity])
    #expect(x.converted(to: .int8).elements(as: Int8.self) == [1, -1, 127, -128, 0, 127])
    #expect(x.converted(to: .uint8).elements(as: UInt8.self) == [1, 0, 255, 0, 0, 255])
    #expect(
      x.converted(to: .int64).elements(as: Int64.self) == [1, -1, 300, -300, 0, Int64.max])
  }

  @Test func integersBecomeNarrowerModuloTheirRange() {
    let x = Tensor([255, 256, -1] as [Int32])
    #expect(x.converted(to: .uint8).elements(as: UInt8.self) == [255, 0, 255])
    #expect(x.converted(to: .int8).elements(as: Int8.self) == [-1, 0, -1])
  }

  @Test func truthIsAnythingButZero() {
    #expect(
      Tensor([0.0, -0.5, .nan]).converted(to: .bool).elements(as: Bool.self)
        == [false, true, true])
    #expect(Tensor([true, false]).converted(to: .float32).elements(as: Float.self) == [1, 0])
  }

  @Test func halfPrecisionRoundsToNearest() {
    #expect(Tensor([1 + 1.0 / 4096]).converted(to: .float16).elements(as: Float16.self) == [1])
    #expect(
      Tensor([65504.0, 1e6]).converted(to: .float16).elements(as: Float16.self)
        == [65504, .infinity])
  }

  @Test func bfloat16RoundsTiesToEven() {
    let bits = { (value: Float) in BFloat16(rounding: value).bitPattern }
    #expect(bits(1) == 0x3F80)
    #expect(bits(Float(bitPattern: 0x3F80_8000)) == 0x3F80)
    #expect(bits(Float(bitPattern: 0x3F81_8000)) == 0x3F82)
    #expect(bits(.nan) == 0x7FC0)
    #expect(bits(.infinity) == 0x7F80)
    #expect(bits(.greatestFiniteMagnitude) == 0x7F80)
  }

  @Test(arguments: ElementType.allCases, ElementType.allCases)
  func smallNumbersSurviveEveryConversion(source: ElementType, target: ElementType) {
    let x = Tensor([0.0, 1, 1, 0], shape: [2, 2])
    let back = x.converted(to: source).converted(to: target).converted(to: .float64)
    #expect(back.shape == x.shape)
    #expect(back.elements(as: Double.self) == [0, 1, 1, 0])
  }
}
