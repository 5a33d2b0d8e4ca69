//! The words of the demo's page, in both languages; a missing one does not compile.

use super::glance::{BreakerSeen, Promise};
use super::watching::Happening;
use crate::proxy::Mode;

/// Everything the page says.
pub(super) struct Words {
    pub(super) tag: &'static str,
    pub(super) title: &'static str,
    pub(super) lede: &'static str,
    pub(super) shown: &'static str,
    pub(super) on_their_way: &'static str,
    pub(super) arrived: &'static str,
    pub(super) try_title: &'static str,
    pub(super) try_hint: &'static str,
    pub(super) rush_all: &'static str,
    pub(super) black_hole_all: &'static str,
    pub(super) cut_broker: &'static str,
    pub(super) slow_all: &'static str,
    pub(super) heal: &'static str,
    pub(super) cloud: &'static str,
    pub(super) cloud_hint: &'static str,
    pub(super) kill_cloud: &'static str,
    pub(super) start_cloud: &'static str,
    pub(super) orders: &'static str,
    pub(super) sales: &'static str,
    pub(super) duplicates: &'static str,
    pub(super) unsent: &'static str,
    pub(super) last: &'static str,
    pub(super) taken: &'static str,
    pub(super) breaker: &'static str,
    pub(super) order: &'static str,
    pub(super) rush: &'static str,
    pub(super) kill: &'static str,
    pub(super) start: &'static str,
    http_hint: &'static str,
    mqtt_hint: &'static str,
    pub(super) dashboard: &'static str,
    pub(super) sign_in: &'static str,
    pub(super) password: &'static str,
    pub(super) pin: &'static str,
    pub(super) happened: &'static str,
    pub(super) nothing_yet: &'static str,
    pub(super) lost: &'static str,
    pub(super) language: &'static str,
    screens: [(&'static str, &'static str); 5],
    modes: [&'static str; 4],
    links: [(&'static str, &'static str); 4],
    dead: &'static str,
    breakers: [(&'static str, &'static str); 5],
    chinese: bool,
}

/// The language of this tag, or English.
pub(super) fn of(tag: &str) -> &'static Words {
    if tag.starts_with("zh") {
        &CHINESE
    } else {
        &ENGLISH
    }
}

const ENGLISH: Words = Words {
    tag: "en",
    title: "One store, and every plug within reach",
    lede: "Two kiosks and their cloud, real processes on this machine. Cut what you like: diners go on \
           ordering, and every order gets there, once.",
    shown: "shown a number",
    on_their_way: "kept in the store",
    arrived: "at headquarters",
    try_title: "Try this",
    try_hint: "Break it, let diners order, mend it, watch the queue drain.",
    rush_all: "10 orders on each kiosk",
    black_hole_all: "Swallow all HTTP",
    cut_broker: "Cut the broker's lines",
    slow_all: "Slow lines",
    heal: "Mend everything",
    cloud: "Headquarters",
    cloud_hint: "cloud-sync with its embedded broker",
    kill_cloud: "Kill the cloud (kill -9)",
    start_cloud: "Start the cloud",
    orders: "orders",
    sales: "sales",
    duplicates: "repeats absorbed",
    unsent: "unsent orders",
    last: "last number",
    taken: "orders taken",
    breaker: "Breaker",
    order: "1 order",
    rush: "Rush of 10",
    kill: "kill -9",
    start: "Start again",
    http_hint: "orders as they come",
    mqtt_hint: "catching up",
    dashboard: "Dashboard",
    sign_in: "Name",
    password: "password",
    pin: "manager PIN",
    happened: "What happened",
    nothing_yet: "Nothing yet. Press a button.",
    lost: "The demo has stopped; start it again with “cargo run --release”.",
    language: "Language",
    screens: [
        ("/", "Diner"),
        ("/kitchen", "Kitchen"),
        ("/board", "Pickup board"),
        ("/manager", "Manager"),
        ("/api/v1/status", "Status"),
    ],
    modes: ["Connected", "Cut", "Swallowed", "Slow"],
    links: [
        ("online", "Online"),
        ("offline", "Offline, open"),
        ("catching_up", "Catching up"),
        ("standalone", "Standalone"),
    ],
    dead: "Not running",
    breakers: [
        ("closed", "closed"),
        ("open", "open"),
        ("half_open", "half open"),
        ("forced_open", "forced open"),
        ("disabled", "off"),
    ],
    chinese: false,
};

const CHINESE: Words = Words {
    tag: "zh-Hans",
    title: "一家门店，每个插头都在手边",
    lede: "两台点餐机、云端和消息代理都是这台机器上的真实进程。随便拔：顾客照常点餐，每一单都会送达，且只送达一次。",
    shown: "已出号",
    on_their_way: "存在店内",
    arrived: "已到总部",
    try_title: "试试看",
    try_hint: "先弄断，让顾客点单，再恢复，看队列排空。",
    rush_all: "每台各点 10 单",
    black_hole_all: "吞掉全部 HTTP",
    cut_broker: "切断消息代理",
    slow_all: "线路变慢",
    heal: "全部恢复",
    cloud: "总部",
    cloud_hint: "cloud-sync 与内置消息代理",
    kill_cloud: "杀掉云端 (kill -9)",
    start_cloud: "启动云端",
    orders: "订单",
    sales: "销售额",
    duplicates: "已吸收的重复",
    unsent: "未发送",
    last: "最新号码",
    taken: "已接订单",
    breaker: "断路器",
    order: "点 1 单",
    rush: "连点 10 单",
    kill: "kill -9",
    start: "重新启动",
    http_hint: "订单即时发送",
    mqtt_hint: "补发积压",
    dashboard: "总览",
    sign_in: "用户名",
    password: "密码",
    pin: "店长 PIN",
    happened: "发生了什么",
    nothing_yet: "还没有。按一个按钮吧。",
    lost: "演示已停止；用 “cargo run --release” 重新启动。",
    language: "语言",
    screens: [
        ("/", "点餐"),
        ("/kitchen", "厨房"),
        ("/board", "取餐屏"),
        ("/manager", "店长"),
        ("/api/v1/status", "状态"),
    ],
    modes: ["连通", "切断", "吞没", "缓慢"],
    links: [
        ("online", "在线"),
        ("offline", "离线营业"),
        ("catching_up", "正在补发"),
        ("standalone", "单机"),
    ],
    dead: "未运行",
    breakers: [
        ("closed", "闭合"),
        ("open", "断开"),
        ("half_open", "半开"),
        ("forced_open", "强制断开"),
        ("disabled", "停用"),
    ],
    chinese: true,
};

/// What a link's switch is set to, as the page's attributes have it.
pub(super) fn mode_key(mode: Mode) -> &'static str {
    match mode {
        Mode::Pass => "pass",
        Mode::Cut => "cut",
        Mode::BlackHole | Mode::OneWay => "black-hole",
        Mode::Slow { .. } => "slow",
    }
}

impl Words {
    pub(super) fn screen(&self, path: &'static str) -> &'static str {
        find(&self.screens, path).unwrap_or(path)
    }

    /// The links of a kiosk: key, name, and what runs over it.
    pub(super) fn wires(&self) -> [(&'static str, &'static str, &'static str); 2] {
        [
            ("http", "HTTP", self.http_hint),
            ("mqtt", "MQTT", self.mqtt_hint),
        ]
    }

    pub(super) fn modes(&self) -> [(&'static str, &'static str); 4] {
        let [pass, cut, hole, slow] = self.modes;
        [
            ("pass", pass),
            ("black-hole", hole),
            ("slow", slow),
            ("cut", cut),
        ]
    }

    fn mode(&self, mode: Mode) -> &'static str {
        let [pass, cut, hole, slow] = self.modes;
        match mode {
            Mode::Pass => pass,
            Mode::Cut => cut,
            Mode::BlackHole | Mode::OneWay => hole,
            Mode::Slow { .. } => slow,
        }
    }

    pub(super) fn link(&self, running: bool, link: &str) -> &'static str {
        let known = if running {
            find(&self.links, link)
        } else {
            Some(self.dead)
        };
        known.unwrap_or("…")
    }

    pub(super) fn breaker(&self, breaker: Option<&BreakerSeen>) -> String {
        let Some(breaker) = breaker else {
            return "–".to_owned();
        };
        let state = find(&self.breakers, &breaker.state).unwrap_or("?");
        match breaker.retry_in {
            _ if breaker.state == "half_open" && self.chinese => format!("{state}，正在试探"),
            _ if breaker.state == "half_open" => format!("{state}, a probe is out"),
            Some(wait) if wait > 0.0 && self.chinese => format!("{state}，{wait:.1} 秒后再试"),
            Some(wait) if wait > 0.0 => format!("{state}, tries again in {wait:.1} s"),
            _ if self.chinese => format!(
                "{state}，{} 次调用 {} 次失败",
                breaker.calls, breaker.failures
            ),
            _ => format!(
                "{state}, {} of {} calls failed",
                breaker.failures, breaker.calls
            ),
        }
    }

    pub(super) fn promise(&self, promise: &Promise) -> String {
        let (shown, open) = (promise.shown, promise.on_their_way);
        match (self.chinese, promise.broken, shown, open) {
            (false, 1.., ..) => "Something is wrong: see the lists.".to_owned(),
            (true, 1.., ..) => "出错了：请查看列表。".to_owned(),
            (false, 0, 0, _) => "No orders yet. Place some, or cut something first.".to_owned(),
            (true, 0, 0, _) => "还没有订单。先点几单，或者先拔个插头。".to_owned(),
            (false, 0, 1, 0) => {
                "The order is at headquarters, once, with the same total.".to_owned()
            }
            (false, 0, _, 0) => {
                format!(
                    "All {shown} orders are at headquarters, each once, each with the same total."
                )
            }
            (true, 0, _, 0) => format!("全部 {shown} 单都已到总部，每单一次，金额一致。"),
            (false, 0, _, 1) => {
                "1 order is safe on its kiosk's disk and will get there by itself.".to_owned()
            }
            (false, 0, ..) => {
                format!(
                    "{open} orders are safe on their kiosk's disk and will get there by themselves."
                )
            }
            (true, 0, ..) => format!("{open} 单安全地保存在点餐机磁盘上，会自动送达。"),
        }
    }

    pub(super) fn happening(&self, happening: &Happening) -> String {
        let zh = self.chinese;
        match happening {
            Happening::CloudKilled if zh => "云端被杀掉 (kill -9)".to_owned(),
            Happening::CloudKilled => "The cloud was killed with kill -9".to_owned(),
            Happening::CloudStarted if zh => "云端已启动".to_owned(),
            Happening::CloudStarted => "The cloud was started".to_owned(),
            Happening::KioskKilled(kiosk) if zh => format!("{kiosk} 被杀掉 (kill -9)"),
            Happening::KioskKilled(kiosk) => format!("{kiosk} was killed with kill -9"),
            Happening::KioskStarted(kiosk) if zh => format!("{kiosk} 已重新启动"),
            Happening::KioskStarted(kiosk) => format!("{kiosk} was started again"),
            Happening::Turned(kiosk, link, mode) if zh => {
                format!("{kiosk} 的 {}：{}", link.to_uppercase(), self.mode(*mode))
            }
            Happening::Turned(kiosk, link, mode) => {
                format!(
                    "{} of {kiosk}: {}",
                    link.to_uppercase(),
                    self.mode(*mode).to_lowercase()
                )
            }
            Happening::Healed if zh => "全部恢复".to_owned(),
            Happening::Healed => "Everything was mended".to_owned(),
            Happening::Ordering(kiosk, orders) if zh => format!("顾客在 {kiosk} 点 {orders} 单"),
            Happening::Ordering(kiosk, 1) => format!("A diner orders at {kiosk}"),
            Happening::Ordering(kiosk, orders) => format!("{orders} diners order at {kiosk}"),
            Happening::Link(kiosk, link) if zh => format!("{kiosk}：{}", self.link(true, link)),
            Happening::Link(kiosk, link) => {
                format!("{kiosk} is {}", self.link(true, link).to_lowercase())
            }
            Happening::Trouble(trouble) => trouble.clone(),
        }
    }
}

fn find(pairs: &[(&'static str, &'static str)], key: &str) -> Option<&'static str> {
    pairs
        .iter()
        .find(|(known, _)| *known == key)
        .map(|(_, word)| *word)
}

/// What kind of thing happened, for its colour.
pub(super) fn kind(happening: &Happening) -> &'static str {
    match happening {
        Happening::CloudKilled | Happening::KioskKilled(_) | Happening::Trouble(_) => "bad",
        Happening::Turned(_, _, mode) if *mode != Mode::Pass => "bad",
        Happening::CloudStarted
        | Happening::KioskStarted(_)
        | Happening::Turned(..)
        | Happening::Healed => "good",
        Happening::Link(_, link) if link == "online" => "good",
        Happening::Link(..) => "wait",
        Happening::Ordering(..) => "order",
    }
}
